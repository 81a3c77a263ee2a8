"""local-cloud: a storage server for handing over large result files.

Resumable and verified uploads, unguessable links that expire, one process, no database server.  The
protocol is `docs/reference/local-cloud-protocol.md`; `make_app` is the server as an ASGI application,
`local-cloud` the command.

From the request to the disk:

    guard        connections: clocks and bounds
    app          routes and errors
    put, tus     uploads come in            downloads, inside    objects go out
    owned, allowances                       what owners do
    uploads      begin, receive, finish: the one way to an object; writing    bytes on their way
    ledger, objects, grants, secretbook, space      rows
    blobs        files
"""

from simcrate.localcloud.app import make_app
from simcrate.localcloud.config import Config

__all__ = ["Config", "make_app"]
