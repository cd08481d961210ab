import { type AuthorizationRequest, Transaction, type Wallet } from 'ethers'

export type TxType = 0 | 1 | 2 | 3 | 4
type AccessList = readonly { readonly address: string; readonly storageKeys: readonly string[] }[]

/** What goes into a transaction. Lists that a type has and the caller left out get sample entries. */
export type TransactionFields = {
  readonly signer: Wallet
  readonly to: string
  readonly data?: string
  readonly type?: TxType
  readonly value?: bigint
  readonly nonce?: number
  readonly gasLimit?: bigint
  /** 0 makes a legacy transaction without replay protection. */
  readonly chainId?: bigint
  readonly accessList?: AccessList
  readonly blobVersionedHashes?: readonly string[]
  readonly authorizationList?: readonly AuthorizationRequest[]
}

const GWEI = 10n ** 9n
const sampleKey = (n: number) => `0x${n.toString(16).padStart(64, '0')}`

/** Really signed: its hash and its signer can be recovered from the fields alone. */
export function signTransaction(
  fields: TransactionFields & { nonce: number; chainId: bigint },
): Transaction {
  const { signer, type = 2, to, nonce, chainId } = fields
  const tx = Transaction.from({
    type,
    to,
    nonce,
    chainId,
    data: fields.data ?? '0x',
    value: fields.value ?? 0n,
    gasLimit: fields.gasLimit ?? 500_000n,
    ...(type < 2
      ? { gasPrice: 3n * GWEI }
      : { maxFeePerGas: 40n * GWEI, maxPriorityFeePerGas: GWEI }),
    ...(type > 0 && { accessList: accessListOf(fields, type) }),
    ...(type === 3 && {
      maxFeePerBlobGas: 2n * GWEI,
      blobVersionedHashes: [...(fields.blobVersionedHashes ?? [`0x01${'ab'.repeat(31)}`])],
    }),
    ...(type === 4 && {
      authorizationList: (fields.authorizationList ?? [sampleAuthorization(signer, chainId)]).map(
        (one) => signer.authorizeSync(one),
      ),
    }),
  })
  tx.signature = signer.signingKey.sign(tx.unsignedHash)
  return tx
}

const accessListOf = ({ accessList, to }: TransactionFields, type: TxType) =>
  (
    accessList ?? (type === 2 ? [] : [{ address: to, storageKeys: [sampleKey(1), sampleKey(258)] }])
  ).map(({ address, storageKeys }) => ({ address, storageKeys: [...storageKeys] }))

const sampleAuthorization = (signer: Wallet, chainId: bigint): AuthorizationRequest => ({
  address: signer.address,
  nonce: 7n,
  chainId,
})
