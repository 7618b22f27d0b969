-- The image runs this once, as the superuser, when it creates an empty cluster.
-- The gateway's role owns the gateway's database and nothing else. Only a superuser can create the extension.
\getenv password GATEWAY_PASSWORD
CREATE ROLE llamastack LOGIN PASSWORD :'password';
-- In another encoding, LlamaStack does not start: its keys have characters that are not ASCII.
CREATE DATABASE llamastack OWNER llamastack ENCODING 'UTF8' TEMPLATE template0;
\connect llamastack
CREATE EXTENSION vector;
