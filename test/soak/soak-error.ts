/** What must never be was seen. */
export class SoakError extends Error {
  override readonly name = 'SoakError'
}
