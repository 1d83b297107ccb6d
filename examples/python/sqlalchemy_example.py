from sqlalchemy import create_engine, event

from portcullis_token import Token

token = Token()


def open_engine(url, **options):
    engine = create_engine(url, **options)

    @event.listens_for(engine, "do_connect")
    def supply_token(dialect, record, args, parameters):
        parameters["password"] = token()

    return engine
