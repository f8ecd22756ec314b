/** Certificates made by openssl for a test: an authority, and what it signs. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Pair = { readonly certFile: string; readonly keyFile: string }

export type Authority = Pair & {
  /** For `127.0.0.1` and `localhost`; valid for a day, or until yesterday. */
  sign(name: string, options?: { readonly isExpired?: boolean; readonly host?: string }): Pair
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export function makeAuthority(dir: string, name: string): Authority {
  const own = filesOf(dir, name)
  openssl(
    ...['req', '-x509', ...freshKey(own), '-out', own.certFile, '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', 'basicConstraints=critical,CA:TRUE'],
  )
  return {
    ...own,
    sign(leaf, { isExpired = false, host = '127.0.0.1' } = {}) {
      const files = filesOf(dir, `${name}-${leaf}`)
      const [request, extensions] = [join(dir, `${name}-${leaf}.csr`), join(dir, `${name}-${leaf}.ext`)]
      const alternative = /^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`
      writeFileSync(extensions, `subjectAltName=${alternative}\nextendedKeyUsage=serverAuth,clientAuth\n`)
      openssl('req', ...freshKey(files), '-out', request, '-subj', `/CN=${leaf}`)
      openssl(
        ...['x509', '-req', '-in', request, '-CA', own.certFile, '-CAkey', own.keyFile, '-CAcreateserial'],
        ...['-out', files.certFile, '-days', isExpired ? '-1' : '1', '-extfile', extensions],
      )
      return files
    },
  }
}

function freshKey({ keyFile }: Pair): readonly string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
}

function filesOf(dir: string, name: string): Pair {
  return { certFile: join(dir, `${name}.pem`), keyFile: join(dir, `${name}-key.pem`) }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
