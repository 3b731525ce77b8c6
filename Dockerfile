FROM node:20-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY --from=packages /app/node_modules node_modules
COPY . .
# The hashed files need no secret of the installation's: this one is thrown away with the layer.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(50))") ALLOWED_HOSTS=build \
    python manage.py collectstatic --noinput --verbosity 0 \
    && useradd --system --create-home anteroom && mkdir -p /data && chown -R anteroom /data
USER anteroom
VOLUME /data
EXPOSE 8000/tcp 7000/udp 7000/tcp
CMD ["sh", "-c", "python manage.py migrate --verbosity 0 && python manage.py createcachetable && exec python manage.py serve"]
