import { type Reason, reasonList } from '../lib/reasons.ts'

/** @param remedy - what to do: the second half of the README's text, and the end of the log line */
const reason = <const Code extends string>(
  code: Code,
  short: string,
  meaning: string,
  remedy: string,
): Reason<Code> & { readonly remedy: string } => ({
  code,
  short,
  long: `${meaning} ${remedy}`.trim(),
  remedy,
})

const list = [
  reason(
    'not-a-file',
    'not a regular file',
    'Something named *.json is a folder, socket, pipe or device. Sub-folders are not searched.',
    'Move the messages up, or rename it.',
  ),
  reason(
    'dangling-link',
    'link that leads nowhere',
    'A symbolic link whose target does not exist, or that leads back to itself.',
    'Point it to a file, or remove it.',
  ),
  reason(
    'unreadable',
    'cannot be read',
    'The file could not be read, most often for want of permission. What was read from it before stays in use.',
    'Let the user that the daemon runs as read it, or its account at the bucket.',
  ),
  reason(
    'too-large',
    'larger than 64 MiB',
    'No file of exit messages is that large.',
    'Remove it, or split it.',
  ),
  reason(
    'not-utf8',
    'not UTF-8 text',
    'JSON is UTF-8; this is another encoding or a damaged file.',
    'Save it as UTF-8 or copy it again.',
  ),
  reason(
    'not-json',
    'not JSON',
    'The text is not valid JSON: empty, cut off or something else.',
    'Copy or sign it again.',
  ),
  reason(
    'too-complex',
    'nested too deep, or too many parts',
    'The JSON is valid in form but nothing that signs exits makes such a structure.',
    'Remove the file.',
  ),
  reason(
    'no-messages',
    'holds no message',
    'An empty list or an empty object.',
    'Remove it, or sign again.',
  ),
  reason(
    'unknown-shape',
    'not a known form of exit message',
    'The JSON is none of the supported forms; the detail names its keys.',
    'Expected is {"message":{"epoch","validator_index"},"signature"} or one of the other listed forms.',
  ),
  reason(
    'keystore',
    'KEY MATERIAL: a keystore, not an exit message',
    'A keystore with a private key. It does not belong on this machine: whoever holds it can sign anything in the name of the validator.',
    'Remove it at once, and sign an exit message with it elsewhere.',
  ),
  reason(
    'partial-exit',
    'partial exit of a distributed validator',
    'One share of an exit signature, which no node accepts.',
    'Collect the shares of the cluster and put the complete exit here.',
  ),
  reason(
    'unsigned',
    'exit without a signature',
    'An exit message that nobody signed.',
    'Sign it with the key of the validator.',
  ),
  reason(
    'offline-preparation',
    'offline-preparation file of ethdo',
    'This is what ethdo reads to sign offline, not what it writes.',
    'Put the signed exits here instead.',
  ),
  reason(
    'bad-epoch',
    'epoch is not a uint64',
    'The epoch must be a whole number from 0 to 2^64 - 1, as decimal string or number.',
    'Sign again.',
  ),
  reason(
    'bad-index',
    'validator index is not a validator index',
    'The validator index must be a whole number, as decimal string or number.',
    'Sign again.',
  ),
  reason(
    'bad-signature-format',
    'signature is not 96 bytes of hex',
    'A signature is 0x and 192 hexadecimal digits. The file was cut or edited.',
    'Copy or sign it again.',
  ),
  reason(
    'password-missing',
    'encrypted, and no password is set',
    'The file is an EIP-2335 envelope.',
    'Set MESSAGES_PASSWORD or MESSAGES_PASSWORD_FILE.',
  ),
  reason(
    'wrong-password',
    'password does not open it, or it is damaged',
    'The checksum of the EIP-2335 envelope does not match: the file was encrypted with another password, or cut or changed since.',
    'Encrypt it again with the configured password.',
  ),
  reason(
    'envelope-malformed',
    'not a valid EIP-2335 envelope',
    'The part `crypto` is incomplete or has values that EIP-2335 does not allow; the detail names the field.',
    'Encrypt the message again.',
  ),
  reason(
    'unknown-function',
    'unknown KDF, checksum or cipher',
    'EIP-2335 knows pbkdf2 (hmac-sha256) and scrypt, sha256, and aes-128-ctr.',
    'Encrypt the message again with these.',
  ),
  reason(
    'kdf-out-of-bounds',
    'key derivation costs too much',
    'At most 2^22 PBKDF2 rounds, or scrypt with 1 GiB (128 * n * r bytes) and p up to 16.',
    'Encrypt the message again with usual parameters.',
  ),
  reason(
    'nested-envelope',
    'an envelope inside an envelope',
    'The decrypted content is encrypted once more.',
    'Encrypt the message once only.',
  ),
  reason(
    'decryption-failed',
    'decryption could not be completed',
    'The key derivation itself broke off, for example for want of memory.',
    'It is tried again at every load.',
  ),
  reason(
    'verification-failed',
    'verification could not be completed',
    'The library that checks signatures, or its thread, broke off: this says nothing about the message.',
    'It is tried again at every load.',
  ),
  reason(
    'unknown-validator',
    'the node does not know this validator',
    'The consensus node has no validator with this index at present: not yet deposited, or a message for another network.',
    'It is looked up again at every load.',
  ),
  reason(
    'validator-not-readable',
    'the node has an error for this validator',
    'The consensus nodes answer a question about this index alone with an error; the detail has the words of one. Most likely no validator can have this index.',
    'Correct the index, or sign again; it is looked up again at every load.',
  ),
  reason(
    'pubkey-mismatch',
    'names another public key',
    'The file names a public key that is not the one which the consensus node has for this validator index.',
    'Wrong index or wrong network: sign again.',
  ),
  reason(
    'bad-pubkey',
    'public key of the node is no valid point',
    'The public key that the consensus node gave for this index is not a point of the curve.',
    'The node is broken or lies: check it.',
  ),
  reason(
    'bad-signature',
    'signature is no valid point',
    'The 96 bytes are not a signature at all: not a point of the curve, the point at infinity, or outside the subgroup. The file was edited or damaged.',
    'Sign again.',
  ),
  reason(
    'wrong-signature',
    'signature does not match',
    'Not signed by the key of this validator for this epoch, index, chain and fork. Since Deneb exits are signed for the fork version of Capella (EIP-7044).',
    'Sign again.',
  ),
] as const

/**
 * Why a file, or an entry of one, is not a usable exit message. One list feeds the log and the
 * README; a refusal carries the code, and a detail that never holds a password, a signature or
 * other content of the file.
 */
export const messageReasons = reasonList(list)

export type MessageReasonCode = keyof typeof messageReasons

/** What the operator can do about it, a sentence. */
export const remedyOf = (code: MessageReasonCode): string =>
  list.find((one) => one.code === code)?.remedy ?? ''

/** A "no" about one file or one entry of it. */
export type MessageRefusal = {
  readonly code: MessageReasonCode
  /** What exactly, for the log; may be empty. Free of secrets and of the file's content. */
  readonly detail: string
}
