mod steps;

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgDatabaseError, PgListener, PgPoolOptions, PgSslMode,
};
use sqlx::{ConnectOptions, Connection, Error, Executor, PgPool};
use steps::*;

fn settings(password: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&variable("HOST"))
        .port(variable("PORT").parse().unwrap())
        .database(&variable("DATABASE"))
        .username(&variable("USER"))
        .password(password)
        .application_name(&variable("APPLICATION"))
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(variable("CA"))
}

async fn open() -> Result<PgConnection, Error> {
    settings(&variable("PASSWORD")).connect().await
}

fn sqlstate(error: &Error) -> Option<String> {
    error
        .as_database_error()?
        .code()
        .map(|code| code.into_owned())
}

async fn connects(password: &str) -> Outcome {
    let mut connection = settings(password).connect().await?;
    let role: String = sqlx::query_scalar("select session_user::text")
        .fetch_one(&mut connection)
        .await?;
    check(role == variable("USER"), "another role")?;
    connection.close().await?;
    Ok(String::new())
}

async fn server_parameters() -> Outcome {
    let mut connection = open().await?;
    let mut values = vec![];
    for name in PARAMETERS {
        let query = sqlx::query_scalar::<_, String>("select current_setting($1)").bind(name);
        values.push(query.fetch_one(&mut connection).await?);
    }
    Ok(parameters(&values))
}

async fn transaction() -> Outcome {
    let mut connection = open().await?;
    connection.execute("create temp table t (id int)").await?;
    let insert = "insert into t values ($1)";
    let mut committed = connection.begin().await?;
    sqlx::query(insert).bind(1).execute(&mut *committed).await?;
    committed.commit().await?;
    let mut rolled_back = connection.begin().await?;
    sqlx::query(insert)
        .bind(2)
        .execute(&mut *rolled_back)
        .await?;
    rolled_back.rollback().await?;
    let count: i64 = sqlx::query_scalar("select count(*) from t")
        .fetch_one(&mut connection)
        .await?;
    check(count == 1, "commit or rollback did not hold")?;
    Ok(String::new())
}

async fn error() -> Outcome {
    let mut connection = open().await?;
    let failure = sqlx::query("select 1/0")
        .fetch_one(&mut connection)
        .await
        .unwrap_err();
    check(
        sqlstate(&failure).as_deref() == Some("22012"),
        &failure.to_string(),
    )?;
    let one: i32 = sqlx::query_scalar("select $1::int")
        .bind(1)
        .fetch_one(&mut connection)
        .await?;
    check(one == 1, "the session is not usable")?;
    Ok(String::new())
}

async fn copy() -> Outcome {
    let mut connection = open().await?;
    connection
        .execute("create temp table t (id int, text text)")
        .await?;
    let lines = copy_lines();
    let mut sink = connection.copy_in_raw("copy t from stdin").await?;
    sink.send(lines.as_bytes()).await?;
    sink.finish().await?;
    let out = connection.copy_out_raw("copy t to stdout").await?;
    let parts: Vec<_> = out.try_collect().await?;
    let copied: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    check(copied == lines.as_bytes(), "other lines came out")?;
    Ok(String::new())
}

async fn large_result() -> Outcome {
    let text: String = sqlx::query_scalar(BIG)
        .fetch_one(&mut open().await?)
        .await?;
    check(text.len() == BIG_BYTES, "not the whole value")?;
    Ok(String::new())
}

async fn notify() -> Outcome {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_with(settings(&variable("PASSWORD")))
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("news").await?;
    pool.execute("notify news, 'hello'").await?;
    let received = tokio::time::timeout(Duration::from_secs(10), listener.recv()).await??;
    check(received.payload() == "hello", "another notification")?;
    drop(listener);
    pool.close().await;
    Ok(String::new())
}

async fn is_refused(password: &str) -> Outcome {
    match settings(password).connect().await {
        Ok(_) => Err("logged in".into()),
        Err(failure) => {
            let server = failure.as_database_error();
            let hint = server
                .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
                .and_then(|error| error.hint())
                .map(|hint| format!(" HINT: {hint}"))
                .unwrap_or_default();
            let code = sqlstate(&failure);
            Ok(refused(code.as_deref(), &format!("{failure}{hint}")))
        }
    }
}

async fn pid(pool: &PgPool) -> Result<(sqlx::pool::PoolConnection<sqlx::Postgres>, i32), Error> {
    let mut connection = pool.acquire().await?;
    let pid = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *connection)
        .await?;
    Ok((connection, pid))
}

async fn fresh_token() -> Outcome {
    let tokens = FreshTokens::new();
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_lazy_with(settings(&tokens.next()));
    let (one, first) = pid(&pool).await?;
    // A task does this whenever the provider gives a new token; connections from now on use it.
    pool.set_connect_options(settings(&tokens.next()));
    let (other, second) = pid(&pool).await?;
    check(
        first != second && tokens.are_used(),
        "not two connections by two tokens",
    )?;
    drop((one, other));
    pool.close().await;
    Ok(String::new())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // As Cargo.toml pins it.
    version("sqlx 0.9.0, rustls");
    step("connect", connects(&variable("PASSWORD"))).await;
    step("parameters", server_parameters()).await;
    step("transaction", transaction()).await;
    step("error", error()).await;
    step("copy", copy()).await;
    step("large-result", large_result()).await;
    step("cancel", async {
        Err(Limit("sqlx sends no CancelRequest").into())
    })
    .await;
    step("notify", notify()).await;
    step("pipeline", async {
        Err(Limit("sqlx has no pipeline mode").into())
    })
    .await;
    step("large-token", connects(&variable("PASSWORD_LARGE"))).await;
    step("wrong-token", is_refused(&variable("PASSWORD_WRONG"))).await;
    step("expired-token", is_refused(&variable("PASSWORD_EXPIRED"))).await;
    step("fresh-token", fresh_token()).await;
}
