"""The health routes: their answers (`answer`), and an adapter for each kind of server.

asgi, wsgi                  around an application, or mounted by themselves
fastapi, django, flask      the framework's own kind of route
ahead                       those of a framework, before the application's middleware
"""
