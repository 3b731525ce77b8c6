from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import demo
from waiting_areas.models import WaitingArea


class Command(BaseCommand):
    help = "Fills an empty database with the demo world and prints its addresses and sign-ins. Under DEBUG only."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo world has a password everybody knows: it is for DEBUG=1 only (hazard H2).")
        if not demo.furnish() and not demo.is_furnished():
            self.stdout.write("Somebody lives here already: the demo world was left out.")
            return
        self.stdout.write(f"\n  Anteroom    {settings.PUBLIC_URL}/")
        self.stdout.write(f"  Messages    {settings.PUBLIC_URL}/dev/messages/")
        self.stdout.write(f"  Password    {demo.PASSWORD}, for everybody:\n\n")
        for heading, people in {"": (demo.ADMINISTRATOR,), **demo.WORLD}.items():
            if heading:
                self.stdout.write(f"  {heading}")
            for person in people:
                self.stdout.write(f"  {person.email:<22}{person.name}, {person.what}")
            self.stdout.write("")
        self.stdout.write("  Callers come by the links of the waiting areas:")
        for area in WaitingArea.objects.standing():
            self.stdout.write(f"  {area.name:<22}{area.link}")
        self.stdout.write("")
