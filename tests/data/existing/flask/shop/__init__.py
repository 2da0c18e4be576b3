import os

from flask import Flask


def create_app(config=None):
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "dev")
    app.config["DATABASE"] = os.environ.get("DATABASE", "shop.db")
    app.config.update(config or {})

    from shop import database, orders

    database.init_app(app)
    app.register_blueprint(orders.blueprint)
    return app
