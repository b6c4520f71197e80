"""How names look, so that none is mistaken for another."""

from django.db import migrations, models

ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", ".": "", "-": "", "_": ""})


def fill(apps, schema_editor):
    """Names that are there keep theirs; of those that look alike the oldest gets the look."""
    Owner = apps.get_model("leaderboard", "Owner")
    taken = set()
    for owner in Owner.objects.order_by("pk"):
        look = owner.name.lower().replace("rn", "m").replace("vv", "w").translate(ALIKE)
        if look and look not in taken:
            taken.add(look)
            Owner.objects.filter(pk=owner.pk).update(skeleton=look)


class Migration(migrations.Migration):

    dependencies = [
        ('leaderboard', '0017_workload_drafts'),
    ]

    operations = [
        migrations.AddField(
            model_name='owner',
            name='skeleton',
            field=models.CharField(blank=True, help_text='the name as it looks; null: older than this rule', max_length=150, null=True, unique=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
