import { describe } from 'vitest'
import { EXECUTION_PLACES } from './places.ts'
import { testPlace } from './run.ts'

describe.concurrent('one fault at one place, while a request comes in', () => {
  for (const place of EXECUTION_PLACES) testPlace(place, 'execution', (world) => world.execution)
})
