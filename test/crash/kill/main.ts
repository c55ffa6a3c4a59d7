import { Campaign } from './campaign.ts'
import { type Options, optionsOf, usage } from './options.ts'
import { print } from './print.ts'

// kill -9 of real processes: see campaign.ts. Ends with 1 when anything was lost or left.

const options = parse()
const campaign = new Campaign(options, options.json ? () => {} : (line) => process.stderr.write(`${line}\n`))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => campaign.stop())
process.stdout.on('error', () => campaign.stop()) // nobody listens any more

const report = await campaign.run()
process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `\n${print(report)}`)
process.exitCode = report.lost + report.orphans + report.wrong > 0 ? 1 : 0

function parse(): Options {
  try {
    return optionsOf(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    return process.exit(2)
  }
}
