-- PostgreSQL runs this once, in an empty volume: a database a server.
CREATE DATABASE mlflow;
CREATE DATABASE prefect;
