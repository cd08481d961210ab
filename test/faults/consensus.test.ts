import { describe } from 'vitest'
import { CONSENSUS_PLACES } from './places.ts'
import { testPlace } from './run.ts'

describe.concurrent('one fault at one place, while a request comes in', () => {
  for (const place of CONSENSUS_PLACES) testPlace(place, 'consensus', (world) => world.consensus)
})
