"""Reading what people upload as their own workload: any bytes in, items or clear messages out. No Django, no database.

records   what an item is, what a problem is, and the limits of both
lines     bytes to lines: encodings, byte order marks, archives, lengths
fields    from the fields of a row to an item, by a mapping that is guessed from their names
formats   JSON lines, CSV, OpenAI's chat logs; suites of promptfoo are in promptfoo
personal  e-mail addresses, phone numbers and keys: found, and masked where asked
likeness  equal and nearly equal prompts
reading   all of it as one stream, in constant memory
packed    items, and uploads as they came, in compressed parts
upload    reading and packing together

Uploaded text is data: nothing here runs, renders or fetches any of it.
"""
