/** HTTP headers by `host` or `host:port` in lower case. */
export type NodeHeaders = ReadonlyMap<string, Readonly<Record<string, string>>>

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/** Names under which NODE_HEADERS may hold the headers of a URL, the more exact one last. */
function namesOf(url: string): readonly string[] {
  const { protocol, hostname, port } = new URL(url)
  return [hostname, `${hostname}:${port || DEFAULT_PORTS[protocol]}`]
}

/**
 * The headers that NODE_HEADERS wants on each request to a node. Those of `host:port` win over
 * those of `host`.
 *
 * @param url - of EXECUTION_NODE or CONSENSUS_NODE
 */
export const headersFor = (headers: NodeHeaders, url: string): Readonly<Record<string, string>> =>
  Object.assign({}, ...namesOf(url).map((name) => headers.get(name)))

/** Whether an entry of NODE_HEADERS is for one of these nodes. */
export const isForNode = (entry: string, urls: readonly string[]): boolean =>
  urls.some((url) => namesOf(url).includes(entry))
