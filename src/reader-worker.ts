import { answerQuestions } from './transfer/reader/answering.ts'

// The process that reads other programs' SQLite files. Only for transfer/reader/sqlite-reader.ts, which starts it.
void answerQuestions()
