import { openSmallFile } from '../lib/files.ts'
import { messageOf } from '../lib/message-of.ts'

/**
 * A fresh bearer token for each request: HS256 over `{iat}`.
 *
 * The file is read each time, so that a secret that was rotated serves at once. By a thread of its
 * own: a mount that hangs must not occupy the threads that look names of hosts up.
 *
 * @see https://github.com/ethereum/execution-apis (engine/authentication.md)
 */
export function createJwtAuthorizer(path: string) {
  const file = openSmallFile(path)

  return async function authorize(): Promise<Record<string, string>> {
    // Loaded when it is wanted: few nodes ask for a token.
    const { SignJWT } = await import('jose')
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt()
      .sign(parseSecret(await readSecret(), path))
    return { authorization: `Bearer ${token}` }
  }

  async function readSecret(): Promise<string> {
    try {
      return Buffer.from(await file.read()).toString()
    } catch (error) {
      throw new Error(`JWT_SECRET_PATH: ${path} cannot be read: ${messageOf(error)}`)
    }
  }
}

/** @throws when the file does not hold 32 bytes as hex, with or without 0x */
function parseSecret(text: string, path: string): Uint8Array {
  const hex = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim())?.[1]
  if (hex === undefined) throw new Error(`JWT_SECRET_PATH: ${path} does not hold 32 bytes as hex`)
  return Buffer.from(hex, 'hex')
}
