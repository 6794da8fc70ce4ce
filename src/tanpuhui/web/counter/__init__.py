"""Counter: a clerk helps somebody who has come in person, before their eyes and into their audit trail."""
