import { sbom as listOf } from '../sbom/sbom.ts'
import { shippedPackages } from '../sbom/shipped.ts'
import { assertNone, type Check, manifest } from './workshop.ts'

export const sbom: Check = {
  name: 'the SBOM lists every package that is installed with this one, with version, hash and licence',
  async run() {
    const { bomFormat, specVersion, metadata, components } = listOf()
    const { name, version, purl } = metadata.component
    const about = [bomFormat, name, version, purl].join(' ')
    const expected = `CycloneDX ${manifest.name} ${manifest.version} pkg:npm/${manifest.name}@${manifest.version}`
    if (about !== expected) throw new Error(`It is about "${about}", not "${expected}"`)

    const shipped = shippedPackages().map((one) => `${one.name}@${one.version}`)
    const listed = components.map((one) => `${one.name}@${one.version}`)
    assertNone(
      'Installed, but not listed',
      shipped.filter((one) => !listed.includes(one)),
    )
    assertNone(
      'Listed, but not installed',
      listed.filter((one) => !shipped.includes(one)),
    )
    assertNone(
      'Without a licence or a hash',
      components.filter(({ licenses = [], hashes = [] }) => !licenses.length || !hashes.length).map(({ purl }) => purl),
    )
    return `CycloneDX ${specVersion}, ${components.length} packages`
  },
}
