"""The health routes.

What they answer (`answer`), and one door per kind of server.

asgi, wsgi                  around an application, or mounted by themselves
fastapi, django, flask      the framework's own kind of route
"""
