import { answerQuestions } from './transfer/reader/answering.ts'

// The process that reads other programs' SQLite files. Started by transfer/reader/sqlite-reader.ts, of no use to anyone
// else.
void answerQuestions()
