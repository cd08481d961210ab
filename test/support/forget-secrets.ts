import { forgetSecrets } from '../../src/lib/secret.ts'

// Runs before each file of tests.
forgetSecrets()
