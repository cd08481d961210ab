/** Variables that client libraries of object stores read by themselves. */
const FOREIGN = /^(AWS|GOOGLE|GCLOUD|GCE)_|^STORAGE_EMULATOR_HOST$/

/**
 * Settles what libraries read from the environment of the process. An empty value counts as unset
 * here, as everywhere; to them it may be a region or a server without a name.
 *
 * @param env - `process.env`: it is changed
 */
export function settleLibraries(env: Record<string, string | undefined>): void {
  for (const name of Object.keys(env)) {
    if (FOREIGN.test(name) && env[name]?.trim() === '') delete env[name]
  }
  // Its advice on versions of Node.js is for us, and would stand in the operator's log.
  env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
}
