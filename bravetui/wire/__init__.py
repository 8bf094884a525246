"""What travels between a laptop and central, and what it means: lanes, changes, messages, receipts.

Pure: no socket, no database. Both ends import these very definitions; the OpenAPI page of central is made from them.
"""
