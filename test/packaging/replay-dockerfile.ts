import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDockerfile, parseDockerignore } from './dockerfile.ts'
import { type Replayed, replayStages } from './replay.ts'
import { tryImage } from './try-image.ts'

/** Of the user `node` in the image. */
const IMAGE_USER = 1000

/**
 * Builds what the Dockerfile builds, in an empty folder, as a user without rights, with the node of
 * this machine instead of the base image; then runs the daemon from the result. Needs the npm
 * registry, and no container engine.
 */
async function main(): Promise<void> {
  const repository = process.cwd()
  const home = mkdtempSync(join(tmpdir(), 'image-'))
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? IMAGE_USER : undefined
  if (isRoot) chownSync(home, IMAGE_USER, IMAGE_USER)
  try {
    const stages = parseDockerfile(readFileSync('Dockerfile', 'utf8'))
    const isKept = parseDockerignore(readFileSync('.dockerignore', 'utf8'))
    const image = replayStages(stages, {
      home,
      repository,
      isKept,
      user,
      env: {
        ...networkOf(process.env),
        PATH: process.env.PATH,
        HOME: home,
        npm_config_cache: join(home, 'npm-cache'),
        npm_config_registry: execFileSync('npm', ['config', 'get', 'registry']).toString().trim(),
      },
    })
    checkContents(image)
    // In the image the files belong to root: the daemon can change none of them.
    execFileSync('chmod', ['-R', 'a-w', image.at('/app')])
    await tryImage(image, user)
    console.log('the image is good')
  } finally {
    if (existsSync(home)) {
      chmodSync(home, 0o700)
      execFileSync('chmod', ['-R', 'u+w', home])
      rmSync(home, { recursive: true, force: true })
    }
  }
}

/** How this machine reaches the registry. */
const networkOf = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => /^(NODE_EXTRA_CA_CERTS|(https?|no)_proxy)$/i.test(name)),
  )

function checkContents(image: Replayed): void {
  for (const path of ['dist/cli/main.js', 'package.json', 'LICENSE', 'node_modules/ethers']) {
    if (!existsSync(image.at(`/app/${path}`))) throw new Error(`the image lacks ${path}`)
  }
  const unwanted = ['typescript', '@typescript', 'vitest'].map((name) => `node_modules/${name}`)
  for (const path of ['src', '.env', '.git', ...unwanted]) {
    if (existsSync(image.at(`/app/${path}`))) throw new Error(`the image holds ${path}`)
  }
}

await main()
// Not `exitCode`: what failed half-way may still hold a socket or a timer.
process.exit(0)
