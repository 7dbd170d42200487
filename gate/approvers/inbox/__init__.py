"""The inbox: the page where people answer. `gate.approvers.inbox.app` is the application; it needs the extra `capgate[inbox]`."""
