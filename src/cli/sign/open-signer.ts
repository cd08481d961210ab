import type { CryptoPool } from '../../lib/crypto-pool.ts'
import { FileError, type Files, readSmallFile } from '../../lib/files.ts'
import { messageOf } from '../../lib/message-of.ts'
import { hideSecrets } from '../../lib/secret.ts'
import { type CommandContext, CommandError } from '../context.ts'
import { openKeystores } from './keystores.ts'
import type { Signer } from './signer.ts'
import { createWeb3Signer } from './web3signer.ts'

export type SignerOptions = {
  /** URL of a Web3Signer, or a folder of keystores. */
  readonly signer: string
  readonly keystorePasswordFile?: string
  readonly tokenFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsCa?: string
}

type Parts = { readonly files: Files; readonly pool: CryptoPool; readonly signal: AbortSignal }

/** @throws CommandError when options do not fit, or what they name cannot be used */
export async function openSigner(
  options: SignerOptions,
  { terminal }: Pick<CommandContext, 'terminal'>,
  parts: Parts,
): Promise<Signer> {
  checkUsage(options)
  const hide = (...secrets: readonly string[]) => {
    const given = secrets.filter((secret) => secret !== '')
    hideSecrets(given)
    terminal.hide(given)
  }
  if (!isUrl(options.signer)) return openFolder(options, parts, hide)
  const { signer: url, tokenFile, tlsCert, tlsKey, tlsCa } = options
  const token = await readText('--token-file', tokenFile)
  hide(token?.trim() ?? '', new URL(url).password)
  const [cert, key, ca] = await Promise.all([
    readText('--tls-cert', tlsCert),
    readText('--tls-key', tlsKey),
    readText('--tls-ca', tlsCa),
  ])
  const tls = { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) }
  try {
    return createWeb3Signer({ url, ...(token && { token: token.trim() }), tls })
  } catch (error) {
    throw new CommandError(
      `sign: --tls-cert, --tls-key or --tls-ca cannot be used: ${messageOf(error)}`,
      'each must be PEM, the key without a password, and the one of the certificate',
    )
  }
}

const isUrl = (signer: string) => /^https?:\/\//i.test(signer)

function checkUsage({ signer, keystorePasswordFile, tokenFile, ...tls }: SignerOptions): void {
  const hasTls = [tls.tlsCert, tls.tlsKey, tls.tlsCa].some((file) => file !== undefined)
  const refuse = (what: string, remedy: string): never => {
    throw new CommandError(`sign: ${what}`, remedy)
  }
  if (isUrl(signer)) {
    if (!URL.canParse(signer))
      refuse('--signer is no URL', 'for example https://signer.example:9000')
    if (keystorePasswordFile !== undefined) {
      refuse('--keystore-password-file is for a folder of keystores', 'leave it out')
    }
    if (hasTls && !/^https:/i.test(signer)) {
      refuse(
        '--tls-… needs a --signer that begins with https://',
        'correct --signer, or leave them out',
      )
    }
  } else if (/^[a-z][a-z0-9+.-]*:\/\//i.test(signer)) {
    refuse('--signer is neither http:// nor https:// nor a folder', 'correct it')
  } else if (hasTls || tokenFile !== undefined) {
    refuse(
      '--token-file and --tls-… are for a Web3Signer',
      'leave them out, or give its URL as --signer',
    )
  }
  if ((tls.tlsCert === undefined) !== (tls.tlsKey === undefined)) {
    refuse('--tls-cert and --tls-key belong together', 'give both')
  }
}

async function openFolder(
  { signer: folder, keystorePasswordFile }: SignerOptions,
  parts: Parts,
  hide: (...secrets: readonly string[]) => void,
): Promise<Signer> {
  const password = await readNamed('--keystore-password-file', keystorePasswordFile)
  hide(
    Buffer.from(password ?? [])
      .toString()
      .trim(),
  )
  try {
    return await openKeystores({ folder, password, ...parts })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new CommandError(
      `sign: the folder of keystores ${folder} cannot be read: ${error.message}`,
      'give a folder, or the URL of a Web3Signer, as --signer',
    )
  }
}

async function readNamed(option: string, path: string | undefined) {
  if (path === undefined) return undefined
  try {
    const content = await readSmallFile(path)
    if (content.length > 0) return content
  } catch (error) {
    throw new CommandError(
      `sign: ${option}: ${path} cannot be read: ${messageOf(error)}`,
      'correct the path',
    )
  }
  throw new CommandError(`sign: ${option}: ${path} is empty`, 'name another file')
}

const readText = async (option: string, path: string | undefined) => {
  const content = await readNamed(option, path)
  return content && Buffer.from(content).toString()
}
