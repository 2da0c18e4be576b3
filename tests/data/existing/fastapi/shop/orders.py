from fastapi import APIRouter
from sqlalchemy import select

from shop.database import Order, session_maker

router = APIRouter(prefix="/orders", tags=["orders"])


@router.get("")
def orders() -> list[str]:
    with session_maker() as session:
        return list(session.scalars(select(Order.name)))
