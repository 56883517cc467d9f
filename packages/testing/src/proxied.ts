/** A device that differs from another in what is given, and is that other in everything else. */
export const proxied = (device: GPUDevice, own: Readonly<Record<string | symbol, unknown>>): GPUDevice =>
  new Proxy(device, {
    get(target, key) {
      if (key in own) return own[key];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
