import { type Transaction, toBeHex, toQuantity } from 'ethers'
import type { Hex } from '../../src/lib/primitives.ts'

/** Where a transaction stands; `undefined` fields are a pending one's. */
export type TransactionPlace = {
  readonly blockHash: Hex
  readonly blockNumber: number
  readonly transactionIndex: number
}

/**
 * A transaction in the words of geth's `RPCTransaction`: quantities without leading zeros,
 * addresses in lower case, `v` and `yParity` together for typed ones, `chainId` of a legacy one
 * only with replay protection.
 */
export function toGethJson(tx: Transaction, place: TransactionPlace): Record<string, unknown> {
  const signature = tx.signature
  if (signature === null) throw new Error('a transaction without a signature')
  const type = tx.type ?? 0
  const base = {
    blockHash: place.blockHash,
    blockNumber: toQuantity(place.blockNumber),
    from: tx.from?.toLowerCase(),
    gas: toQuantity(tx.gasLimit),
    gasPrice: toQuantity(type < 2 ? (tx.gasPrice ?? 0n) : (tx.maxFeePerGas ?? 0n)),
    hash: tx.hash,
    input: tx.data,
    nonce: toQuantity(tx.nonce),
    to: tx.to === null ? null : tx.to.toLowerCase(),
    transactionIndex: toQuantity(place.transactionIndex),
    value: toQuantity(tx.value),
    type: toQuantity(type),
    r: toQuantity(signature.r),
    s: toQuantity(signature.s),
  }
  if (type === 0) {
    // EIP-155; ethers keeps 27 or 28 for what it signed itself.
    const isProtected = tx.chainId !== 0n
    const v = isProtected ? 35n + 2n * tx.chainId + BigInt(signature.yParity) : signature.v
    return {
      ...base,
      v: toQuantity(v),
      ...(isProtected ? { chainId: toQuantity(tx.chainId) } : {}),
    }
  }
  return { ...base, ...typedFields(tx, type), v: toQuantity(signature.yParity) }
}

function typedFields(tx: Transaction, type: number): Record<string, unknown> {
  return {
    chainId: toQuantity(tx.chainId),
    yParity: toQuantity(tx.signature?.yParity ?? 0),
    accessList: (tx.accessList ?? []).map(({ address, storageKeys }) => ({
      address: address.toLowerCase(),
      storageKeys,
    })),
    ...(type >= 2 && {
      maxFeePerGas: toQuantity(tx.maxFeePerGas ?? 0n),
      maxPriorityFeePerGas: toQuantity(tx.maxPriorityFeePerGas ?? 0n),
    }),
    ...(type === 3 && {
      maxFeePerBlobGas: toQuantity(tx.maxFeePerBlobGas ?? 0n),
      blobVersionedHashes: tx.blobVersionedHashes,
    }),
    ...(type === 4 && {
      authorizationList: (tx.authorizationList ?? []).map((one) => ({
        chainId: toQuantity(one.chainId),
        address: one.address.toLowerCase(),
        nonce: toQuantity(one.nonce),
        yParity: toQuantity(one.signature.yParity),
        r: toQuantity(one.signature.r),
        s: toQuantity(one.signature.s),
      })),
    }),
  }
}

const ZERO_32 = toBeHex(0, 32)

/** The header fields of geth; what no reader of ours looks at is zero. */
export const toBlockJson = (block: {
  readonly number: number
  readonly hash: Hex
  readonly parentHash: Hex
  readonly timestamp: number
  readonly transactions: readonly unknown[]
}) => ({
  number: toQuantity(block.number),
  hash: block.hash,
  parentHash: block.parentHash,
  timestamp: toQuantity(block.timestamp),
  transactions: block.transactions,
  nonce: '0x0000000000000000',
  sha3Uncles: ZERO_32,
  logsBloom: `0x${'00'.repeat(256)}`,
  transactionsRoot: ZERO_32,
  stateRoot: ZERO_32,
  receiptsRoot: ZERO_32,
  mixHash: ZERO_32,
  miner: toBeHex(0, 20),
  difficulty: '0x0',
  extraData: '0x',
  size: '0x220',
  gasLimit: '0x1c9c380',
  gasUsed: '0x0',
  baseFeePerGas: '0x7',
  uncles: [],
  withdrawals: [],
})
