/** A file system that holds what it is given, and fails like the real one for the rest. */
export const readFrom =
  (files: Readonly<Record<string, string | Uint8Array>>) => (path: string) => {
    const content = files[path]
    if (content !== undefined) return content
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), {
      code: 'ENOENT',
    })
  }
