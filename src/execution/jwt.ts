import { readFile } from 'node:fs/promises'
import { SignJWT } from 'jose'

/**
 * A fresh bearer token for each request: HS256 over `{iat}`.
 *
 * The file is read each time, so that a secret that was rotated serves at once; it is small, and
 * the kernel keeps it in memory.
 *
 * @see https://github.com/ethereum/execution-apis (engine/authentication.md)
 */
export function createJwtAuthorizer(path: string) {
  return async function authorize(): Promise<Record<string, string>> {
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt()
      .sign(parseSecret(await readFile(path, 'utf8'), path))
    return { authorization: `Bearer ${token}` }
  }
}

/** @throws when the file does not hold 32 bytes as hex, with or without 0x */
function parseSecret(text: string, path: string): Uint8Array {
  const hex = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim())?.[1]
  if (hex === undefined) throw new Error(`JWT_SECRET_PATH: ${path} does not hold 32 bytes as hex`)
  return Buffer.from(hex, 'hex')
}
