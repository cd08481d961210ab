import { reasonList } from '../lib/reasons.ts'

/**
 * Why a file, or an entry of one, is not a usable exit message. One list feeds the log and the
 * README; a refusal carries the code, and a detail that never holds a password, a signature or
 * other content of the file.
 */
export const messageReasons = reasonList([
  {
    code: 'not-a-file',
    short: 'not a regular file',
    long: 'Something named *.json is a folder, socket, pipe or device. Sub-folders are not searched: move the messages up, or rename it.',
  },
  {
    code: 'dangling-link',
    short: 'link that leads nowhere',
    long: 'A symbolic link whose target does not exist, or that leads back to itself. Point it to a file, or remove it.',
  },
  {
    code: 'unreadable',
    short: 'cannot be read',
    long: 'The file could not be read, most often for want of permission. What was read from it before stays in use. Let the user that the daemon runs as read it, or its account at the bucket.',
  },
  {
    code: 'too-large',
    short: 'larger than 64 MiB',
    long: 'No file of exit messages is that large. Remove it, or split it.',
  },
  {
    code: 'not-utf8',
    short: 'not UTF-8 text',
    long: 'JSON is UTF-8; this is another encoding or a damaged file. Save it as UTF-8 or copy it again.',
  },
  {
    code: 'not-json',
    short: 'not JSON',
    long: 'The text is not valid JSON: empty, cut off or something else. Copy or sign it again.',
  },
  {
    code: 'too-complex',
    short: 'nested too deep, or too many parts',
    long: 'The JSON is valid in form but nothing that signs exits makes such a structure. Remove the file.',
  },
  {
    code: 'no-messages',
    short: 'holds no message',
    long: 'An empty list or an empty object. Remove it, or sign again.',
  },
  {
    code: 'unknown-shape',
    short: 'not a known form of exit message',
    long: 'The JSON is none of the supported forms; the detail names its keys. Expected is {"message":{"epoch","validator_index"},"signature"} or one of the other listed forms.',
  },
  {
    code: 'keystore',
    short: 'KEY MATERIAL: a keystore, not an exit message',
    long: 'A keystore with a private key. It does not belong on this machine: whoever holds it can sign anything in the name of the validator. Remove it at once, and sign an exit message with it elsewhere.',
  },
  {
    code: 'partial-exit',
    short: 'partial exit of a distributed validator',
    long: 'One share of an exit signature, which no node accepts. Collect the shares of the cluster and put the complete exit here.',
  },
  {
    code: 'unsigned',
    short: 'exit without a signature',
    long: 'An exit message that nobody signed. Sign it with the key of the validator.',
  },
  {
    code: 'offline-preparation',
    short: 'offline-preparation file of ethdo',
    long: 'This is what ethdo reads to sign offline, not what it writes. Put the signed exits here instead.',
  },
  {
    code: 'bad-epoch',
    short: 'epoch is not a uint64',
    long: 'The epoch must be a whole number from 0 to 2^64 - 1, as decimal string or number. Sign again.',
  },
  {
    code: 'bad-index',
    short: 'validator index is not a validator index',
    long: 'The validator index must be a whole number, as decimal string or number. Sign again.',
  },
  {
    code: 'bad-signature-format',
    short: 'signature is not 96 bytes of hex',
    long: 'A signature is 0x and 192 hexadecimal digits. The file was cut or edited: copy or sign it again.',
  },
  {
    code: 'password-missing',
    short: 'encrypted, and no password is set',
    long: 'The file is an EIP-2335 envelope. Set MESSAGES_PASSWORD or MESSAGES_PASSWORD_FILE.',
  },
  {
    code: 'wrong-password',
    short: 'password does not open it, or it is damaged',
    long: 'The checksum of the EIP-2335 envelope does not match: the file was encrypted with another password, or cut or changed since. Encrypt it again with the configured password.',
  },
  {
    code: 'envelope-malformed',
    short: 'not a valid EIP-2335 envelope',
    long: 'The part `crypto` is incomplete or has values that EIP-2335 does not allow; the detail names the field. Encrypt the message again.',
  },
  {
    code: 'unknown-function',
    short: 'unknown KDF, checksum or cipher',
    long: 'EIP-2335 knows pbkdf2 (hmac-sha256) and scrypt, sha256, and aes-128-ctr. Encrypt the message again with these.',
  },
  {
    code: 'kdf-out-of-bounds',
    short: 'key derivation costs too much',
    long: 'At most 2^22 PBKDF2 rounds, or scrypt with 1 GiB (128 * n * r bytes) and p up to 16. Encrypt the message again with usual parameters.',
  },
  {
    code: 'nested-envelope',
    short: 'an envelope inside an envelope',
    long: 'The decrypted content is encrypted once more. Encrypt the message once only.',
  },
  {
    code: 'decryption-failed',
    short: 'decryption could not be completed',
    long: 'The key derivation itself broke off, for example for want of memory. It is tried again at every load.',
  },
  {
    code: 'unknown-validator',
    short: 'the node does not know this validator',
    long: 'The consensus node has no validator with this index at present: not yet deposited, or a message for another network. It is looked up again at every load.',
  },
  {
    code: 'pubkey-mismatch',
    short: 'names another public key',
    long: 'The file names a public key that is not the one which the consensus node has for this validator index. Wrong index or wrong network: sign again.',
  },
  {
    code: 'bad-pubkey',
    short: 'public key of the node is no valid point',
    long: 'The public key that the consensus node gave for this index is not a point of the curve. The node is broken or lies: check it.',
  },
  {
    code: 'bad-signature',
    short: 'signature is no valid point',
    long: 'The 96 bytes are not a signature at all: not a point of the curve, the point at infinity, or outside the subgroup. The file was edited or damaged: sign again.',
  },
  {
    code: 'wrong-signature',
    short: 'signature does not match',
    long: 'Not signed by the key of this validator for this epoch, index, chain and fork. Since Deneb exits are signed for the fork version of Capella (EIP-7044). Sign again.',
  },
])

export type MessageReasonCode = keyof typeof messageReasons

/** A "no" about one file or one entry of it. */
export type MessageRefusal = {
  readonly code: MessageReasonCode
  /** What exactly, for the log. Free of secrets and of the file's content. */
  readonly detail: string
}
