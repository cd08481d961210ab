/** `localhost`, 127.0.0.0/8 and ::1, with or without a port. */
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:#\d+)?$/i

/**
 * What is the matter with a connection that was rejected on an address that means another machine
 * than somebody had in mind.
 *
 * @param host - of the node, as logs name it
 * @param why - why it cannot be used
 */
export const loopbackHint = (
  host: string,
  why: string | undefined,
  isContainer: boolean,
): string | undefined =>
  isContainer && LOOPBACK.test(host) && /ECONNREFUSED/.test(why ?? '')
    ? `in a container ${host} is the container itself: name the service of the node, or host.docker.internal (see docker/README.md)`
    : undefined
