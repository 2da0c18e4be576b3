from django.http import JsonResponse

from orders.models import Order


def orders(request):
    return JsonResponse([order.name for order in Order.objects.all()], safe=False)
