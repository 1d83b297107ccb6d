import type { Driver } from './driver.ts'

type Toolchain = Pick<Driver, 'needs' | 'build' | 'run' | 'shared'>

const npm = ['npm', 'ci', '--silent', '--no-audit', '--no-fund', '--ignore-scripts']

export const node: Toolchain = {
  needs: [{ what: 'npm', probe: ['npm', '--version'], debian: 'npm' }],
  build: [npm],
  run: [process.execPath, 'client.mjs'],
  shared: { file: 'steps.mjs', as: 'steps.mjs' },
}

/** Its generator runs in WebAssembly; it only has to believe that the engine it does not use is there. */
export const prisma: Toolchain = {
  ...node,
  build: [
    npm,
    [
      'env',
      'PRISMA_SCHEMA_ENGINE_BINARY=/bin/true',
      'CHECKPOINT_DISABLE=1',
      'node_modules/.bin/prisma',
      'generate',
    ],
  ],
}

/** Driven from JavaScript, which has what a shell lacks: deadlines, and JSON. */
export const psql: Toolchain = {
  ...node,
  needs: [{ what: 'psql', probe: ['psql', '--version'], debian: 'postgresql-client' }],
  build: [],
}

export const python: Toolchain = {
  needs: [
    {
      what: 'Python 3 with venv',
      probe: ['python3', '-c', 'import ensurepip, venv'],
      debian: 'python3-venv',
    },
  ],
  build: [
    ['python3', '-m', 'venv', '--clear', 'venv'],
    [
      'venv/bin/pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--requirement',
      'requirements.txt',
    ],
  ],
  run: ['venv/bin/python', 'client.py'],
  shared: { file: 'steps.py', as: 'steps.py' },
}

export const go: Toolchain = {
  needs: [{ what: 'go', probe: ['go', 'version'], debian: 'golang' }],
  build: [['go', 'build', '-o', 'client', '.']],
  run: ['./client'],
  shared: { file: 'steps.go', as: 'steps.go' },
}

export const rust: Toolchain = {
  needs: [
    { what: 'cargo', probe: ['cargo', '--version'], debian: 'cargo' },
    { what: 'a C compiler', probe: ['cc', '--version'], debian: 'gcc' },
  ],
  build: [['cargo', 'build', '--locked', '--quiet']],
  run: ['target/debug/client'],
  shared: { file: 'steps.rs', as: 'src/steps.rs' },
}

export const rustWithOpenSsl: Toolchain = {
  ...rust,
  needs: [
    ...rust.needs,
    {
      what: 'OpenSSL for developers',
      probe: ['pkg-config', '--exists', 'openssl'],
      debian: 'libssl-dev pkg-config',
    },
  ],
}

export const maven: Toolchain = {
  needs: [
    { what: 'javac', probe: ['javac', '--version'], debian: 'default-jdk-headless' },
    { what: 'mvn', probe: ['mvn', '--version'], debian: 'maven' },
  ],
  build: [
    [
      'mvn',
      '--quiet',
      '--batch-mode',
      'compile',
      'dependency:copy-dependencies',
      '-DoutputDirectory=target/lib',
    ],
  ],
  run: ['java', '-cp', 'target/classes:target/lib/*', 'Client'],
}

export const ruby: Toolchain = {
  needs: [
    {
      what: 'ruby-pg',
      probe: ['ruby', '-rpg', '-rconnection_pool', '-e', ''],
      debian: 'ruby-pg ruby-connection-pool',
    },
  ],
  build: [],
  run: ['ruby', 'client.rb'],
}

export const perl: Toolchain = {
  needs: [{ what: 'DBD::Pg', probe: ['perl', '-MDBD::Pg', '-e', ''], debian: 'libdbd-pg-perl' }],
  build: [],
  run: ['perl', 'client.pl'],
}

export const php: Toolchain = {
  needs: [
    {
      what: 'PDO_PGSQL',
      probe: ['php', '-r', 'exit(extension_loaded("pdo_pgsql") ? 0 : 1);'],
      debian: 'php-cli php-pgsql',
    },
  ],
  build: [],
  run: ['php', 'client.php'],
}
