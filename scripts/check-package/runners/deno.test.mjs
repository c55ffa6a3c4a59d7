import { suite } from './suite.mjs'

suite(Deno.test)
