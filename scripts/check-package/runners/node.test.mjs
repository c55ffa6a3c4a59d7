import { test } from 'node:test'
import { suite } from './suite.mjs'

suite(test)
