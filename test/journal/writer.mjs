// A daemon's journal in a process of its own: appends without end, or just holds the lock. It says
// on standard output what has been written, a number a line.
import { writeSync } from 'node:fs'
import { openJournal } from '../../.tmp/built/journal/journal.js'

const [, , file, identity, first] = process.argv
const { chainId, locator } = JSON.parse(identity)
const journal = openJournal({
  file,
  identity: { chainId: BigInt(chainId), locator },
  now: Date.now,
  onProblem: (message) => writeSync(1, `problem: ${message}\n`),
  onRecovery: () => {},
})
writeSync(1, 'open\n')
if (first === undefined) setInterval(() => {}, 1_000)
else append(Number(first))

function append(from) {
  for (let number = from; ; number += 1) {
    journal.append([
      { kind: 'request', at: number, request: requestOf(number) },
      {
        kind: 'offer-answered',
        at: number,
        validator: number % 10,
        accepted: true,
        answers: [`node: ${number}`],
      },
      { kind: 'cursor', block: number, hash: `0x${number}` },
    ])
    writeSync(1, `${number}\n`)
  }
}

function requestOf(number) {
  return {
    key: `request ${number}`,
    chainId: 1n,
    exitBus: '0x01',
    blockNumber: number,
    blockHash: '0x02',
    transactionHash: '0x03',
    logIndex: 0,
    moduleId: 1,
    operatorId: 2,
    validatorIndex: number,
    pubkey: '0x04',
    timestamp: 5,
  }
}
