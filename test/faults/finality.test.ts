import { describe } from 'vitest'
import { FINALITY_CONSENSUS_PLACES, FINALITY_EXECUTION_PLACES } from './places.ts'
import { testPlace } from './run.ts'

describe.concurrent('one fault at one place, while a request is proven by finality', () => {
  for (const place of FINALITY_EXECUTION_PLACES) {
    testPlace(place, 'execution', (world) => world.execution)
  }
  for (const place of FINALITY_CONSENSUS_PLACES) {
    testPlace(place, 'consensus', (world) => world.consensus)
  }
})
