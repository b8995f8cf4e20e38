"""A server that takes /api/put by the json module and counts distinct points: what the bench is tried on.

Arguments: port, and "forgetful" to acknowledge points without keeping them. GET /count, GET /points (JSON lines).
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

points: dict[tuple[object, ...], object] = {}
order: list[str] = []
keeps = "forgetful" not in sys.argv


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = json.loads(body)
        for point in sent if isinstance(sent, list) else [sent]:
            if keeps:
                points[(point["metric"], point["timestamp"], *sorted(point["tags"].items()))] = point["value"]
                order.append(json.dumps(point))
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        answer = "\n".join(order) if self.path == "/points" else str(len(points))
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
