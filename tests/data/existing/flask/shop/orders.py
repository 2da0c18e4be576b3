from flask import Blueprint, jsonify

from shop.database import get_db

blueprint = Blueprint("orders", __name__, url_prefix="/orders")


@blueprint.get("")
def orders():
    return jsonify([name for (name,) in get_db().execute("SELECT name FROM orders")])
