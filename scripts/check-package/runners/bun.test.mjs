import { test } from 'bun:test'
import { suite } from './suite.mjs'

suite(test)
