import { answerQuestions } from './exchange/reader/answering.ts'

// The process that reads other programs' SQLite files. Started by exchange/reader/sqlite-reader.ts, of no use to anyone
// else.
void answerQuestions()
