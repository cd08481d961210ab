/** What `--help` shows below the options. */
export const HELP = {
  program: `
Every command reads the same configuration: the environment, and .env in the working folder.
Behind a command, --help shows its options, an example and its exit codes.`,

  run: `
--json stands for LOGGER_FORMAT=json, --debug for LOGGER_LEVEL=debug.

Example
  validator-ejector run

Exit codes
  0  ended by SIGTERM or SIGINT
  1  it cannot run as it is set up`,

  check: `
Example
  validator-ejector check --from-block 21000000

Exit codes
  0    everything is ready; there may be warnings ("!")
  1    something is not ready: see each "✗"
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`,

  explain: `
Example
  validator-ejector explain 123456

Exit codes
  0    the story is told
  1    nothing is known, or nobody answers
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`,

  trigger: `
For a request whose key or message is lost: the exit bus asks the execution layer for the exit
(EIP-7002). Anyone may send the transaction, from any account. It costs its gas and a fee that changes
with each block: print it again just before you send it. An exit cannot be undone.
--json prints an array of {"to","data","value"}, one for each transaction; value is wei, in hex.

Example
  validator-ejector trigger 123456

Exit codes
  0    the transactions are printed
  1    they cannot be made: not proven, exiting already, or nobody answers
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`,

  watch: `
For whoever looks after all operators, or after many: reads, proves and looks up what the protocol asked
for, of every operator of every module, or of EJECTOR_SCOPE. It needs nodes and NETWORK, and no messages.
Without --once it is a daemon: --json stands for LOGGER_FORMAT=json then. With --once --json it prints what
/status shows.

Example
  validator-ejector watch --once

Exit codes
  0    ended by a signal; with --once: nothing is past its deadline
  1    with --once: something is, or not everything could be read; else it cannot run as it is set up
  2    the configuration is wrong (--once), or the command was typed wrongly
  130  interrupted, with --once`,

  encrypt: `
The password is in MESSAGES_PASSWORD, or in the file that MESSAGES_PASSWORD_FILE names. No file is
ever replaced.

Example
  validator-ejector encrypt plain messages

Exit codes
  0    every file is encrypted
  1    some were rejected
  2    nothing was encrypted: no password, or a folder cannot be used
  130  interrupted: what is there is whole, and running it again does the rest`,

  next: `
The order is the oracle's: ascending by index, without those that exit, consolidate, or were
requested within 14 days. Which keys an operator has is the word of an execution node. In a pipe a table is
plain lines, with tabs between: index, key, status, module, operator, file of the message.

Examples
  validator-ejector next
  validator-ejector next --missing --format pubkeys

Exit codes
  0    the list is complete
  1    something could not be read: see standard error
  2    the configuration is wrong, or the command was typed wrongly
  130  interrupted`,

  sign: `
For the machine that has the keys, or reaches the signer. With --indices it needs CONSENSUS_NODE
alone of the configuration; else it signs for the validators that next lists. Each message is
verified as the daemon does, and written to <output> as <index>.json: encrypted where
MESSAGES_PASSWORD or MESSAGES_PASSWORD_FILE is set. No file is ever replaced. The password of
keystore.json may lie beside it in keystore.txt.

Examples
  validator-ejector sign --signer https://signer.example:9000 --missing messages
  validator-ejector sign --signer keystores --indices 123,456 signed

Exit codes
  0    all messages are there
  1    some failed, or nodes or signer cannot be used
  2    nothing could be begun
  130  interrupted: what is there is whole, and running it again does the rest`,
} as const
