import { UsageError } from './command.ts'

/**
 * Loads what needs a package that hosts install themselves.
 *
 * @throws `UsageError` if that package is not installed
 */
export async function withPackage<T>(flag: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    throw missingPackage(flag, name, error)
  }
}

/** What to throw for the error of loading a package: any other failure is shown as it is. */
export function missingPackage(flag: string, name: string, error: unknown): unknown {
  if (!isMissing(error, name)) return error
  return new UsageError(`${flag} needs the package ${name}, which is not installed: npm install ${name}`)
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${name}'`)
}
