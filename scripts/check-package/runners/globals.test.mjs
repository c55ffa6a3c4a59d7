import { suite } from './suite.mjs'

// Jest, and vitest with --globals.
suite(test)
