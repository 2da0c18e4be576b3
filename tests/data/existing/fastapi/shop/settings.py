from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_", env_file=".env")

    database_url: str = "sqlite:///shop.db"
    allowed_hosts: list[str] = ["shop.example.com"]


settings = Settings()
