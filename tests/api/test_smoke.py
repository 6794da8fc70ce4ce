import pytest
from api.caller import *

pytestmark = pytest.mark.django_db


def test_it(key, tmp_path):
    r = Call(key, body=rides("a,p", "b,q,far")).send()
    print(r.status_code, r.headers, r.text)
    r = Call(key, body=rides("a,p", "b,q,far"), headers={"Prefer": "wait"}).send()
    print(r.status_code, r.headers, r.text)
    for p in ("/batches", "/batches/1", "/batches/1/quarantine", "/quality", "/keys"):
        r = Call(key, method="GET", path="/api/v1/provider" + p).send()
        print(r.status_code, r.text)
    b = json.dumps({"rows": [{"row": 2, "columns": {"distance_m": "5"}}]}).encode()
    r = Call(
        key, path=BATCHES + "/1/corrections", body=b, headers={"Content-Type": "application/json"}
    ).send()
    print(r.status_code, r.text)
    b = json.dumps(
        {
            "rows": [
                {
                    "source_id": "a",
                    "person": "p",
                    "kind": "bike_trip",
                    "started_at": "2026-03-02T08:10:00+08:00",
                    "ended_at": "2026-03-02T08:31:00+08:00",
                }
            ]
        }
    ).encode()
    r = Call(
        key, path="/api/v1/provider/retractions", body=b, headers={"Content-Type": "application/json"}
    ).send()
    print(r.status_code, r.text)
    r = Call(key, path="/api/v1/sandbox/batches", body=rides("a,p", "b,q,far")).send()
    print(r.status_code, r.text)
    with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
        for p in ("/api/nix", "/api/v1/openapi.json", "/api/v1/provider/batches"):
            r = http.get(HOST + p)
            print(r.status_code, r.text[:3000])
        r = http.delete(HOST + "/api/v1/provider/batches")
        print(r.status_code, r.headers, r.text)
    assert 0
