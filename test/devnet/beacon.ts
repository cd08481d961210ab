import assert from 'node:assert/strict'
import type { ExitMessage } from './exit-messages.ts'
import { request } from './http.ts'

/** What of a validator matters here; status as the Beacon API names it. */
export type Validator = { readonly pubkey: string; readonly status: string }

export type Network = {
  readonly chainId: number
  readonly genesisValidatorsRoot: string
  readonly forkVersion: string
}

export type Beacon = ReturnType<typeof createBeacon>

/** Our own eyes on the consensus client, past the daemon and everything between. */
export function createBeacon(url: string, validatorCount: number) {
  async function get<Data>(path: string): Promise<Data> {
    const { status, text } = await request(`${url}${path}`)
    assert.equal(status, 200, `${path}: ${status} ${text}`)
    return (JSON.parse(text) as { data: Data }).data
  }

  async function network(): Promise<Network> {
    const contract = await get<{ chain_id: string }>('/eth/v1/config/deposit_contract')
    const genesis = await get<{ genesis_validators_root: string }>('/eth/v1/beacon/genesis')
    const fork = await get<{ current_version: string }>('/eth/v1/beacon/states/head/fork')
    return {
      chainId: Number(contract.chain_id),
      genesisValidatorsRoot: genesis.genesis_validators_root,
      forkVersion: fork.current_version,
    }
  }

  /**
   * All validators of the head state, in the order of their indices. Asked for by index, since this
   * Lodestar now and then answers 500 to the question for all.
   */
  async function validators(): Promise<Validator[]> {
    type Entry = { index: string; status: string; validator: { pubkey: string } }
    const ids = Array.from({ length: validatorCount }, (_, index) => `id=${index}`).join('&')
    const entries = await get<Entry[]>(`/eth/v1/beacon/states/head/validators?${ids}`)
    return entries
      .toSorted((a, b) => Number(a.index) - Number(b.index))
      .map(({ status, validator }) => ({ pubkey: validator.pubkey, status }))
  }

  async function headSlot(): Promise<number> {
    const { head_slot } = await get<{ head_slot: string }>('/eth/v1/node/syncing')
    return Number(head_slot)
  }

  async function submitExit(message: ExitMessage): Promise<void> {
    const { status, text } = await request(`${url}/eth/v1/beacon/pool/voluntary_exits`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message),
    })
    assert.equal(status, 200, `submit exit: ${status} ${text}`)
  }

  return { network, validators, headSlot, submitExit }
}
